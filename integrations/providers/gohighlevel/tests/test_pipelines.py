"""GHL_PIPELINES as it is written in the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.providers.gohighlevel.pipelines import read_pipelines


def test_each_line_of_business_has_a_pipeline_and_a_stage() -> None:
    text = '{"Auto": ["p1", " s1 "], "*": ["p2", "s2"]}'
    assert read_pipelines(text) == {"Auto": ("p1", "s1"), "*": ("p2", "s2")}


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_empty_text_has_no_pipelines(text: str) -> None:
    assert read_pipelines(text) == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "it is no JSON"),
        ("[]", "a list came"),
        ('{"Auto": "p1"}', "'Auto' has no two ids"),
        ('{"Auto": ["p1"]}', "'Auto' has no two ids"),
        ('{"Auto": ["p1", ""]}', "'Auto' has no two ids"),
        ('{"Auto": ["p1", 2]}', "'Auto' has no two ids"),
    ],
)
def test_malformed_text_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=wrong) as caught:
        read_pipelines(text)
    assert str(caught.value).startswith("GHL_PIPELINES is JSON like")
