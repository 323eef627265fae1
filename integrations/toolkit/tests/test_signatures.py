"""Proofs of senders: over the raw body, with every live secret, and none without a secret."""

import ast
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contracts.webhook import WebhookRequest
from integrations.inbox.models import InboxEvent
from integrations.toolkit import signatures
from integrations.toolkit.signatures import HmacSha256Hex, Token, equals_any

BODY = b'{"type": "test", "id": "123"}'
SCHEME = HmacSha256Hex("X-Kajabi-Signature", setting="KAJABI_WEBHOOK_SECRET")
TOKEN = Token(setting="KAJABI_WEBHOOK_TOKEN")
REFUSED = {"detail": "Invalid webhook signature"}


def digest(body: bytes, secret: str, algorithm: Any = hashlib.sha256) -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("configured", "proof", "status"),
    [
        (["one"], digest(BODY, "one"), 200),
        (["one", "two"], digest(BODY, "one"), 200),
        (["one", "two"], digest(BODY, "two"), 200),
        (["one"], digest(BODY, "one").upper(), 200),
        (["one"], f"sha256={digest(BODY, 'one')}", 200),
        (["one"], digest(BODY, "retired"), 403),
        (["one"], digest(b"", "one"), 403),
        (["one"], digest(BODY + b" ", "one"), 403),
        (["one"], digest(BODY, "one", hashlib.sha512), 403),
        (["one"], digest(BODY, "one")[:-1], 403),
        (["one"], digest(BODY, "one") + "0", 403),
        (["one"], "", 403),
        (["one"], "sha256=", 403),
        (["one"], "one", 403),
        (["one"], "\u00e9" * 64, 403),
        (["one"], None, 403),
        ([], digest(BODY, ""), 403),
        ([""], digest(BODY, ""), 403),
        (["  "], digest(BODY, "  "), 403),
        (["", "one"], digest(BODY, ""), 403),
        (["", "one"], digest(BODY, "one"), 200),
        ([], None, 403),
    ],
    ids=str,
)
def test_signature_is_accepted_only_with_a_live_secret(
    post: Any, settings: Any, configured: list[str], proof: str | None, status: int
) -> None:
    settings.KAJABI_WEBHOOK_SECRET = configured
    headers = {} if proof is None else {"X-Kajabi-Signature": proof}
    answer = post(BODY, sign=False, headers=headers)
    assert answer.status_code == status
    assert answer.json() == ({"status": "success"} if status == 200 else REFUSED)
    assert InboxEvent.objects.count() == (status == 200)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("configured", "given_token", "status"),
    [
        (["one"], "one", 200),
        (["one", "two"], "two", 200),
        (["one"], "two", 403),
        (["one"], "One", 403),
        (["one"], "on", 403),
        (["one"], "one ", 403),
        (["\u00e9\u00e9n"], "\u00e9\u00e9n", 200),
        ([], "one", 403),
        ([""], "", 403),
        ([" "], " ", 403),
    ],
    ids=str,
)
def test_token_in_the_path_is_accepted_only_whole(
    post: Any, settings: Any, configured: list[str], given_token: str, status: int
) -> None:
    settings.KAJABI_WEBHOOK_TOKEN = configured
    assert post(BODY, f"/kajabi-webhook/{given_token}", sign=False).status_code == status
    assert InboxEvent.objects.count() == (status == 200)


@pytest.mark.django_db
def test_wrong_signature_is_refused_even_with_a_right_token(post: Any) -> None:
    token = "a-token-that-only-tests-know"
    answer = post(BODY, f"/kajabi-webhook/{token}", secret="wrong")
    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert InboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_relay_endpoint_takes_no_token_in_its_path(post: Any) -> None:
    assert post(BODY, "/api/webhook/kajabi/a-token-that-only-tests-know", sign=False).status_code == 404
    assert InboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_one_flipped_bit_anywhere_is_refused(post: Any, sign: Any) -> None:
    proof = sign(BODY)
    for place in range(len(BODY)):
        flipped = bytearray(BODY)
        flipped[place] ^= 1 << (place % 8)
        answer = post(bytes(flipped), sign=False, headers={"X-Kajabi-Signature": proof}, REMOTE_ADDR=f"192.0.2.{place}")
        assert answer.status_code == 403
    for place in range(len(proof)):
        wrong = proof[:place] + ("0" if proof[place] != "0" else "1") + proof[place + 1 :]
        answer = post(BODY, sign=False, headers={"X-Kajabi-Signature": wrong}, REMOTE_ADDR=f"198.51.100.{place}")
        assert answer.status_code == 403
    assert InboxEvent.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("form", [{"separators": (",", ":")}, {"indent": 2}, {"sort_keys": True}])
def test_body_that_was_serialised_again_is_refused(post: Any, sign: Any, form: dict[str, Any]) -> None:
    again = json.dumps(json.loads(BODY), **form).encode()
    assert again != BODY
    assert post(again, sign=False, headers={"X-Kajabi-Signature": sign(BODY)}).status_code == 403
    assert InboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_unsigned_requests_are_accepted_only_where_that_is_switched_on(post: Any, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_UNSIGNED = ["another"]
    assert post(BODY, sign=False).status_code == 403
    settings.WEBHOOKS_ALLOW_UNSIGNED = ["kajabi"]
    assert post(BODY, secret="wrong").status_code == 403, "a wrong signature stays wrong"
    assert post(BODY, sign=False).status_code == 200


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_is_compared_without_an_error(given_text: str, accepted: list[str]) -> None:
    printable = [text.encode("utf-8", "replace").decode() for text in (given_text, *accepted)]
    assert equals_any(printable[0], printable[1:]) is (printable[0] in printable[1:])


@given(st.binary(max_size=50), st.text(max_size=100), st.text(max_size=20))
def test_made_up_proof_is_never_accepted(body: bytes, proof: str, token: str) -> None:
    printable = proof.encode("utf-8", "replace").decode()
    request = WebhookRequest(
        body=body, headers={"x-kajabi-signature": printable}, token=token.encode("utf-8", "replace").decode()
    )
    assert not SCHEME.accepts(request)
    assert not TOKEN.accepts(request)


def test_secrets_are_compared_in_constant_time_and_no_other_way() -> None:
    """Read in the source: nothing but hmac.compare_digest compares, and the loop over secrets has no early exit."""
    tree = ast.parse(Path(signatures.__file__).read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    compare = functions["equals_any"]
    calls = [ast.unparse(node.func) for node in ast.walk(compare) if isinstance(node, ast.Call)]
    assert "hmac.compare_digest" in calls
    assert not [node for node in ast.walk(compare) if isinstance(node, ast.Compare | ast.Break)]
    (loop,) = (node for node in ast.walk(compare) if isinstance(node, ast.For))
    assert not [node for node in ast.walk(loop) if isinstance(node, ast.Return)]
    for name in ("accepts",):
        accepting = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
        assert len(accepting) == 3
        for function in accepting:
            assert not [node for node in ast.walk(function) if isinstance(node, ast.Compare)]
            assert "equals_any" in ast.unparse(function)
