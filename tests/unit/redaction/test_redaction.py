from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.redaction import SHORTEST_VALUE, Redactor

PASSWORD = "p@ss/wörd+1"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"


def test_a_known_value_goes_in_every_form_it_travels_in() -> None:
    redactor = Redactor([("DB_PASSWORD", PASSWORD)])
    forms = [
        PASSWORD,
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        base64.b64encode(PASSWORD.encode()).decode(),
    ]

    for form in forms:
        assert redactor.redact(f"login with {form}!") == f"login with {placeholder(redactor)}!"
        assert redactor.find(f"login with {form}!") == "DB_PASSWORD"


def test_a_placeholder_is_stable_and_names_the_secret() -> None:
    first = Redactor([("API_KEY", "abcdefgh"), ("OTHER", "xyzxyzxyz")]).redact("abcdefgh")
    second = Redactor([("API_KEY", "abcdefgh")]).redact("abcdefgh")

    assert first == second == "<secret:API_KEY:9c56cc>"


def test_the_longest_value_goes_first() -> None:
    redactor = Redactor([("SHORT", "abcdef"), ("LONG", "abcdefghij")])

    redacted = redactor.redact("abcdefghij abcdef")

    assert redacted.startswith("<secret:LONG:")
    assert "ghij" not in redacted
    assert " <secret:SHORT:" in redacted


def test_a_value_that_is_a_word_of_the_placeholder_does_not_nest() -> None:
    redactor = Redactor([("PASSWORD", "secret"), ("API_KEY", "PASSWORD")])

    redacted = redactor.redact("a secret PASSWORD")

    assert redacted.count("<secret:") == 2
    assert redactor.redact(redacted) == redacted
    assert redactor.find(redacted) is None


def test_short_values_are_left_alone() -> None:
    assert Redactor([("TOKEN", "dev"), ("SECRET", "")]).redact("dev server") == "dev server"


def test_an_environment_gives_its_secrets_by_their_names() -> None:
    redactor = Redactor.from_environment(
        {
            "OPENAI_API_KEY": "key-of-openai",
            "GITHUB_TOKEN": "token-of-github",
            "DJANGO_SECRET_KEY": "secret-of-django",
            "PGPASSWORD": "password-of-pg",
            "SENTRY_DSN": "dsn-of-sentry",
            "AWS_CREDENTIALS": "credentials-of-aws",
            "MYSQL_PWD": "pwd-of-mysql",
            "BROKER_URL": "redis://:password-in-url@localhost/0",
            "PATH": "/usr/local/bin",
            "PWD": "/home/somebody",
            "KEYBOARD": "qwertz-layout",
            "MAX_TOKENS": "200000",
            "MONITOR": "display-one",
        }
    )

    secret = [
        *("key-of-openai", "token-of-github", "secret-of-django", "password-of-pg"),
        *("dsn-of-sentry", "credentials-of-aws", "pwd-of-mysql", "password-in-url"),
    ]
    plain = "/usr/local/bin /home/somebody qwertz-layout 200000 display-one"
    for value in secret:
        assert value not in redactor.redact(f"x {value} y"), value
    assert redactor.redact(plain) == plain
    assert redactor.find("it is password-in-url") == "BROKER_URL"


@pytest.mark.parametrize(
    ("kind", "text", "secret"),
    [
        ("url-password", "postgresql://app:hunter2@db/x", "hunter2"),
        ("url-password", "redis://:hunter2@localhost:6379/0", "hunter2"),
        ("url-password", "amqp://u:p@ss@host//", "p@ss"),
        ("url-token", "https://0123456789abcdef0123@example.org/r.git", "0123456789abcdef0123"),
        ("private-key", PEM, "MIIEpAIBAAKCAQEA"),
        ("private-key", "-----BEGIN PRIVATE KEY-----\nMIIEvQ\ncut", "MIIEvQ"),
        ("private-key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOY\n", "lQOY"),
        ("anthropic-key", "key=sk-ant-" + "api03-" + "a1B2" * 8, "a1B2a1B2"),
        ("openai-key", "sk-proj-" + "a1B2" * 10, "a1B2a1B2"),
        ("openai-key", "sk-" + "a1B2" * 12, "a1B2a1B2"),
        ("aws-key", "AKIA" + "ABCDEFGH12345678", "ABCDEFGH12345678"),
        ("github-token", "ghp_" + "a1B2" * 9, "a1B2a1B2"),
        ("github-token", "github_pat_" + "a1B2_" * 9, "a1B2_a1B2"),
        ("gitlab-token", "glpat-" + "a1B2" * 5, "a1B2a1B2"),
        ("slack-token", "xoxb-" + "123456789012-abc", "123456789012"),
        ("slack-webhook", "https://hooks.slack.com/services/" + "T000/B000/" + "a1B2" * 6, "B000"),
        ("google-key", "AIza" + "a1B2-" * 7, "a1B2-a1B2"),
        ("stripe-key", "sk_live_" + "a1B2" * 6, "a1B2a1B2"),
        ("huggingface-token", "hf_" + "a1B2" * 9, "a1B2a1B2"),
        ("pypi-token", "pypi-" + "a1B2" * 15, "a1B2a1B2"),
        ("npm-token", "npm_" + "a1B2" * 9, "a1B2a1B2"),
        ("sendgrid-key", "SG." + "a1B2" * 5 + "." + "c3D4" * 10, "c3D4c3D4"),
        ("jwt", "eyJ" + "a1B2" * 4 + ".eyJ" + "a1B2" * 4 + "." + "c3D4" * 5, "c3D4c3D4"),
    ],
)
def test_what_looks_like_a_secret_is_one(kind: str, text: str, secret: str) -> None:
    redacted = Redactor().redact(f"before {text} after")

    assert secret not in redacted
    assert f"<secret:{kind}:" in redacted
    assert redacted.startswith("before ")
    assert Redactor().find(text) == kind


def test_only_the_password_of_a_url_goes() -> None:
    redacted = Redactor().redact("see postgresql://app:hunter2@db.example.org:5432/x now")

    assert redacted.startswith("see postgresql://app:<secret:url-password:")
    assert redacted.endswith(">@db.example.org:5432/x now")


@pytest.mark.parametrize(
    "text",
    [
        "ssh://git@example.org/r.git and https://example.org:8443/x",
        "https://bot@example.org/",
        "postgresql://{user}:{password}@{host}/db",
        "postgresql://user:$PASSWORD@host/db",
        "postgresql://user:%(password)s@host and https://u:%s@h/",
        "https://user:<password>@host/ redis://:***@host",
        "3be686c1d0b9b039bd9f9c27808faeee794876e1",
        "6f1c3f2e-8a33-4f0e-9d5b-0a4b1c2d3e4f",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "task-sk-learn and risk-assessment-of-everything-we-do",
        "x = {'a': 1}  # time 12:30@noon",
    ],
)
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert Redactor().redact(text) == text
    assert Redactor().find(text) is None


def test_a_secret_in_a_diff_leaves_the_diff_in_shape() -> None:
    diff = f"@@ -1 +1 @@\n-key = 'old'\n+key = '{PASSWORD}'\n"

    redacted = Redactor([("KEY", PASSWORD)]).redact(diff)

    assert [line[:1] for line in redacted.splitlines()] == ["@", "-", "+"]


values = st.text(alphabet='ab:/@%+ é"\\<>.-_0', min_size=SHORTEST_VALUE, max_size=12)
environments = st.dictionaries(st.sampled_from(["KEY", "A_TOKEN", "B_SECRET"]), values)


@given(environments, st.lists(values | st.sampled_from(["https://u:", "@host/"])), st.data())
def test_no_known_value_survives_and_redacting_twice_changes_nothing(
    environ: dict[str, str], parts: list[str], data: st.DataObject
) -> None:
    known = list(environ.values())
    mixed = data.draw(st.permutations([*parts, *known]))
    redactor = Redactor(list(environ.items()))

    redacted = redactor.redact("\n".join(mixed))

    outside_placeholders = redacted.replace("<secret:", "\0")
    assert not any(value in outside_placeholders for value in known)
    assert redactor.redact(redacted) == redacted


def test_a_long_line_without_secrets_is_searched_to_its_end() -> None:
    for text in ("a" * 200_000, "a://" * 50_000, "eyJ" * 60_000, "-----BEGIN " * 20_000):
        assert Redactor().find(text) is None


def placeholder(redactor: Redactor) -> str:
    return redactor.redact(PASSWORD)
