"""Which messages are believed to be from Amazon SNS, and whom we ask for that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accounts.mail.amazon_ses import hosts, sns
from tests.fakes import amazon_sns
from tests.fakes.amazon_sns import HOST, HOSTS, FakeSns
from tests.fakes.http_server import Answer, Drip, Reset

EVIL = (
    "http://sns.us-east-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com/x.der",
    "https://sns.us-east-1.amazonaws.com/x.pem/",
    "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
    "https://evil.example/sns.us-east-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com@evil.example/x.pem",
    "https://evil.example#@sns.us-east-1.amazonaws.com/x.pem",
    "https://evil.example\\@sns.us-east-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com:8443/x.pem",
    "https://sns.us-east-1.amazonaws.com:/x.pem",
    "https://u:p@sns.us-east-1.amazonaws.com/x.pem",
    # A bucket of somebody's with the name "sns".
    "https://sns.s3.amazonaws.com/x.pem",
    "https://sns.s3-us-west-2.amazonaws.com/x.pem",
    "https://sns.s3.us-west-2.amazonaws.com/x.pem",
    "https://sns.amazonaws.com/x.pem",
    "https://sqs.us-east-1.amazonaws.com/x.pem",
    "https://snsxus-east-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.org/x.pem",
    "https://sns.us-east-1.amazonaws.com.cn.evil/x.pem",
    "https://sns.us-éast-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com\n/x.pem",
    "https://sns.us-east-1.amazonaws.com/ x.pem",
    "https://[::1/x.pem",
    "https://127.0.0.1/x.pem",
    "file:///etc/x.pem",
    "",
    "https://sns.us-east-1.amazonaws.com/" + "x" * 3000 + ".pem",
)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES Email Event Notification"}])
def test_message_that_sns_signed_is_genuine(sns: FakeSns, version: str, subject: dict[str, str]) -> None:
    verify(sns.notification('{"a": "ü\\n"}', SignatureVersion=version, **subject))
    verify(sns.subscription(SignatureVersion=version))


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
def test_message_with_anything_changed_is_not_genuine(sns: FakeSns, name: str) -> None:
    message = sns.notification("{}", Subject="x")
    later = datetime.now(UTC) + timedelta(seconds=5)
    changed = {"Timestamp": f"{later:%Y-%m-%dT%H:%M:%S}.000Z", "Type": "UnsubscribeConfirmation"}
    message |= {"Token": "x", "SubscribeURL": "x", name: changed.get(name, message[name] + "x")}
    refused(message)


def test_message_that_loses_or_gets_a_subject_is_not_genuine(sns: FakeSns) -> None:
    message = sns.notification("{}", Subject="x")
    del message["Subject"]
    refused(message)
    refused(sns.notification("{}") | {"Subject": "x"})


def test_message_signed_with_another_key_is_not_genuine(sns: FakeSns) -> None:
    fields = {"Type": "Notification", "Message": "{}"}
    refused(sns.signed(fields, key=amazon_sns.new_key()))


@pytest.mark.parametrize("signature", ["", "x", "AAAA", "=" * 400, "ü", "A" * 344])
def test_signature_that_is_none_is_refused(sns: FakeSns, signature: str) -> None:
    refused(sns.notification("{}") | {"Signature": signature})


@pytest.mark.parametrize("version", ["", "0", "3", "1 ", "２"])
def test_unknown_version_of_the_signature_is_refused(sns: FakeSns, version: str) -> None:
    refused(sns.notification("{}") | {"SignatureVersion": version})


@pytest.mark.parametrize(
    ("age", "genuine"),
    [(timedelta(hours=23), True), (timedelta(hours=25), False), (timedelta(minutes=-10), True)]
    + [(timedelta(hours=-1), False)],
)
def test_message_of_another_day_is_not_genuine(sns: FakeSns, age: timedelta, genuine: bool) -> None:
    sent = datetime.now(UTC) - age
    message = sns.notification("{}", Timestamp=f"{sent:%Y-%m-%dT%H:%M:%S}.000Z")
    verify(message) if genuine else refused(message)


@pytest.mark.parametrize("told", ["", "yesterday", "2026-02-31T00:00:00Z", "0001-01-01T00:00:00+23:59", "9" * 30])
def test_message_without_a_date_is_not_genuine(sns: FakeSns, told: str) -> None:
    refused(sns.notification("{}", Timestamp=told))


@pytest.mark.parametrize("url", EVIL)
def test_certificate_is_asked_of_sns_alone(sns: FakeSns, url: str) -> None:
    refused(sns.notification("{}", SigningCertURL=url))
    assert sns.called == []


@pytest.mark.parametrize("host", HOSTS)
def test_certificate_is_asked_of_every_partition_once(sns: FakeSns, host: str) -> None:
    for _time in range(3):
        verify(sns.notification("{}", SigningCertURL=f"https://{host}{sns.signing_path}"))
    assert sns.called == [host]


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "cn-northwest-1", "ap-southeast-7", "us-isob-east-1", "mx-central-1"]
)
def test_regions_of_amazon_are_known_by_their_form(region: str) -> None:
    assert hosts._SNS.fullmatch(f"sns.{region}.amazonaws.com")


@pytest.mark.parametrize("lasts", [(-2, -1), (1, 2)])
def test_certificate_that_is_not_valid_now_is_refused(sns: FakeSns, lasts: tuple[int, int]) -> None:
    days = (timedelta(days=lasts[0]), timedelta(days=lasts[1]))
    sns.certificates[sns.signing_path] = amazon_sns.pem(amazon_sns.certificate("x", sns.key, lasts=days))
    refused(sns.notification("{}"))


def test_certificate_with_a_weak_or_another_kind_of_key_is_refused(sns: FakeSns) -> None:
    weak = amazon_sns.new_key(1024)
    sns.certificates[sns.signing_path] = amazon_sns.pem(amazon_sns.certificate("x", weak))
    refused(sns.signed({"Type": "Notification", "Message": "{}"}, key=weak))
    other = amazon_sns.certificate("x", ec.generate_private_key(ec.SECP256R1()))
    sns.certificates["/other.pem"] = amazon_sns.pem(other)
    refused(sns.notification("{}", SigningCertURL=f"https://{HOST}/other.pem"))


@pytest.mark.parametrize("garbage", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_certificate_that_is_none_is_refused_and_asked_again(sns: FakeSns, garbage: bytes) -> None:
    sns.misbehave(Answer(status=200, body=garbage))
    refused(sns.notification("{}"))
    verify(sns.notification("{}"))


def test_certificate_that_is_not_there_is_refused(sns: FakeSns) -> None:
    refused(sns.notification("{}", SigningCertURL=f"https://{HOST}/another.pem"))


def test_redirect_to_a_certificate_is_not_followed(sns: FakeSns) -> None:
    away = f"https://{HOST}{sns.signing_path}"
    sns.misbehave(Answer(status=302, headers={"Location": away}))
    refused(sns.notification("{}"))
    assert len(sns.exchanges) == 1


def test_certificate_that_is_too_long_is_refused(sns: FakeSns) -> None:
    sns.misbehave(Answer(status=200, body=b"x" * (hosts.LARGEST_ANSWER + 1)))
    refused(sns.notification("{}"))


@pytest.mark.parametrize("trouble", [Answer(status=500), Answer(status=503), Answer(status=429), Reset(), Drip()])
def test_certificate_that_cannot_be_had_now_decides_nothing(
    sns: FakeSns, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "PATIENCE", 0.3)
    sns.misbehave(trouble)
    with pytest.raises(hosts.NoAnswer):
        verify(sns.notification("{}"))
    verify(sns.notification("{}"))


def test_host_with_a_certificate_of_nobody_that_is_trusted_is_not_believed(
    sns: FakeSns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(hosts.NoAnswer):
        verify(sns.notification("{}"))
    assert sns.exchanges == []


@pytest.mark.parametrize("name", ["Message", "Signature", "SigningCertURL", "TopicArn", "Timestamp", "MessageId"])
@pytest.mark.parametrize("value", [None, 1, {}, [], True, "x" * 1_100_000])
def test_message_of_another_form_is_refused(sns: FakeSns, name: str, value: Any) -> None:
    refused(sns.notification("{}") | {name: value})


def verify(message: dict[str, Any]) -> None:
    sns.verify(sns.read(message))


def refused(message: dict[str, Any]) -> None:
    with pytest.raises(sns.NotGenuine):
        verify(message)
