"""The doctor's checks of macOS privacy, webhooks and the signing certificate."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters.media_marks.signature import make_test_certificate
from application.ports.doctor import Check, CheckStatus
from domain.prompt import Kind
from domain.workflow_rules import WorkflowKey
from entrypoints import doctor
from entrypoints.cli.invocation import Invocation


def test_on_a_mac_the_database_on_the_desktop_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test pretends that the system is macOS; the rest is the real doctor."""
    mac = SimpleNamespace(platform="darwin", prefix="/opt/v", executable="/opt/v/bin/python")
    monkeypatch.setattr(doctor, "sys", mac)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    invocation = Invocation(overrides={"database.path": "Desktop/a.db"})
    [check] = [
        check
        for check in doctor.diagnose(*invocation.inspected_settings())
        if check.subject == "macOS privacy"
    ]
    assert str(tmp_path / "Desktop/a.db") in check.finding


@pytest.mark.parametrize(
    "comfyui",
    [
        {"host": "ftp://gpu1"},
        {"hosts": ["gpu1:8188"]},
        {"hosts": [{"slots": 1}]},
        {"hosts": [{"url": "http://gpu1:8188", "slots": "x"}]},
        {"hosts": [{"url": "http://gpu1:8188", "kinds": ["video"]}]},
        {"hosts": [{"url": "http://gpu1:8188", "headers": 3}]},
    ],
    ids=str,
)
def test_a_wrong_server_is_a_finding_and_the_other_checks_are_made(
    tmp_path: Path, comfyui: dict[str, object]
) -> None:
    """No server can be asked at an address that makes no sense."""
    path = tmp_path / "media_generator_config.json"
    path.write_text(json.dumps({"comfyui": comfyui, "media": {"renderer": {"image": "server"}}}))
    checks = list(doctor.diagnose(*Invocation(config_file=path).inspected_settings()))
    assert [check for check in checks if "comfyui.host" in check.finding]
    assert "audio renderer" in {check.subject for check in checks}


@pytest.mark.parametrize(
    ("page", "endpoint", "signed_links", "warns"),
    [
        ("https://gallery.example", "http://store.invalid:9", True, True),
        ("https://gallery.example", "http://store.invalid:9", False, False),
        ("https://gallery.example", "http://127.0.0.1:9", True, False),
        ("https://gallery.example", "https://store.invalid:9", True, False),
        ("http://gallery.example", "http://store.invalid:9", True, False),
    ],
)
def test_a_page_with_tls_cannot_show_links_without(
    tmp_path: Path, page: str, endpoint: str, *, signed_links: bool, warns: bool
) -> None:
    """A browser blocks them, except from its own machine."""
    keys = {"access_key_id": "k", "secret_access_key": "s", "signed_links": signed_links}
    settings = {
        "media": {"storage": {"url": "s3://media", "endpoint": endpoint, **keys}},
        "web": {"public_urls": [page], "token": "long enough for one"},
    }
    path = tmp_path / "media_generator_config.json"
    path.write_text(json.dumps(settings))
    checks = list(doctor.diagnose(*Invocation(config_file=path).inspected_settings()))
    found = [check for check in checks if "which has no TLS" in check.finding]
    assert len(found) == warns
    assert all(check.status is CheckStatus.WARNING for check in found)


WEBHOOK = {"webhook": "http://localhost:9000/ready"}
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"  # 24 bytes in base64
PLAIN = "an old secret of more than 24 bytes"


def checks_with(hooks: dict[str, object], folder: Path) -> list[Check]:
    """The doctor's checks of webhooks and settings, with these hooks."""
    path = folder / "media_generator_config.json"
    path.write_text(json.dumps({"hooks": hooks}), "utf-8")
    settings, problems = Invocation(config_file=path).inspected_settings()
    return [
        check
        for check in doctor.diagnose(settings, problems)
        if check.subject == "webhooks" or "hooks." in check.finding
    ]


@pytest.mark.parametrize(
    ("secret", "status", "words"),
    [
        (None, CheckStatus.OK, "not signed"),
        (f"whsec_{KEY}", CheckStatus.OK, "signed by the Standard Webhooks scheme"),
        (PLAIN, CheckStatus.OK, "receivers need whsec_ and the base64 of it"),
        ("hush", CheckStatus.WARNING, "the key has 4 bytes"),
        ("whsec_aHVzaA", CheckStatus.WARNING, "the key has 4 bytes"),
    ],
)
def test_the_doctor_explains_the_signature_of_webhooks(
    tmp_path: Path, secret: str | None, status: CheckStatus, words: str
) -> None:
    """The required form is named; the secret is not."""
    [check] = checks_with({"published": WEBHOOK, "secret": secret}, tmp_path)
    assert check.status is status
    assert words in check.finding
    assert bool(check.remedy) == (status is CheckStatus.WARNING)
    text = check.finding + check.remedy
    assert not any(private in text for private in (KEY, PLAIN, "hush", "aHVzaA"))


def test_without_webhooks_the_doctor_does_not_check_them(tmp_path: Path) -> None:
    """A command hook needs no signature."""
    assert checks_with({"published": {"command": ["true"]}, "secret": "hush"}, tmp_path) == []


def test_the_doctor_reports_an_unusable_secret_once(tmp_path: Path) -> None:
    """As a problem of the settings."""
    [check] = checks_with({"error": WEBHOOK, "secret": "whsec_hush hush"}, tmp_path)
    assert (check.subject, check.status) == ("settings", CheckStatus.ERROR)
    assert "hush" not in check.finding


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (31, CheckStatus.OK, "published files are signed; the certificate is valid until"),
        (29, CheckStatus.WARNING, "published files are signed; the certificate is valid until"),
        (-1, CheckStatus.WARNING, "published files are not signed: the certificate is valid from"),
    ],
)
def test_the_doctor_warns_a_month_before_the_certificate_ends(
    tmp_path: Path, days: int, status: CheckStatus, words: str
) -> None:
    """And says what happens to files after that."""
    pytest.importorskip("c2pa")
    begin = datetime.now(UTC) - timedelta(days=10)
    pem, _ = make_test_certificate(days + 10, begin + timedelta(hours=1))
    (tmp_path / "signing.pem").write_text(pem)
    path = tmp_path / "media_generator_config.json"
    marking = {"certificate": str(tmp_path / "signing.pem")}
    path.write_text(json.dumps({"media": {"marking": marking}}), "utf-8")
    settings, problems = Invocation(config_file=path).inspected_settings()
    [check] = [one for one in doctor.diagnose(settings, problems) if one.subject == "signatures"]
    assert (check.status, words in check.finding) == (status, True)
    assert bool(check.remedy) == (status is CheckStatus.WARNING)


INK, PHOTO = (Kind.IMAGE, "ink"), (Kind.IMAGE, "photo")


def of(key: WorkflowKey, status: CheckStatus) -> Check:
    """A check of a workflow."""
    return Check("a workflow", status, "It is so.", workflow=key)


@pytest.mark.parametrize(
    ("checks", "statuses"),
    [
        pytest.param(
            [of(INK, CheckStatus.ERROR), of(INK, CheckStatus.OK), of(PHOTO, CheckStatus.WARNING)],
            [CheckStatus.WARNING, CheckStatus.OK, CheckStatus.WARNING],
            id="the others run",
        ),
        pytest.param(
            [of(INK, CheckStatus.ERROR), of(PHOTO, CheckStatus.OK), of(PHOTO, CheckStatus.ERROR)],
            [CheckStatus.ERROR, CheckStatus.OK, CheckStatus.ERROR],
            id="none runs",
        ),
        pytest.param(
            [of(INK, CheckStatus.ERROR), of((Kind.AUDIO, ""), CheckStatus.OK)],
            [CheckStatus.ERROR, CheckStatus.OK],
            id="only another kind runs",
        ),
    ],
)
def test_a_workflow_is_an_error_only_where_none_of_its_kind_runs(
    checks: list[Check], statuses: list[CheckStatus]
) -> None:
    """Otherwise its own prompts wait, and the finding says so."""
    shown = list(doctor.held_back(checks))
    assert [check.status for check in shown] == statuses
    for before, after in zip(checks, shown, strict=True):
        is_held = before.status is not after.status
        assert after.holds == is_held
        assert ("its prompts wait" in after.finding) == is_held


def marking_checks(tmp_path: Path, mode: int = 0o600, **marking: object) -> dict[str, Check]:
    """The checks on signatures with a valid certificate, by subject."""
    pytest.importorskip("c2pa")
    pem, _ = make_test_certificate(90, datetime.now(UTC))
    certificate = tmp_path / "signing.pem"
    certificate.write_text(pem)
    certificate.chmod(mode)
    path = tmp_path / "media_generator_config.json"
    marking["certificate"] = str(certificate)
    path.write_text(json.dumps({"media": {"marking": marking}}), "utf-8")
    settings, problems = Invocation(config_file=path).inspected_settings()
    checks = doctor.diagnose(settings, problems)
    return {check.subject: check for check in checks if check.subject.startswith("sign")}


def test_the_doctor_reports_a_signing_key_that_others_can_read(tmp_path: Path) -> None:
    """With the command that ends it; files are signed nevertheless."""
    checks = marking_checks(tmp_path, mode=0o644)
    assert checks["signing key"].status is CheckStatus.WARNING
    assert checks["signing key"].command == f"chmod 600 {tmp_path / 'signing.pem'}"
    assert checks["signatures"].status is CheckStatus.OK
    assert list(marking_checks(tmp_path)) == ["signatures"]


def test_the_doctor_reports_a_time_authority_that_does_not_answer(tmp_path: Path) -> None:
    """Files are signed without a time stamp meanwhile."""
    check = marking_checks(tmp_path, time_authority="http://127.0.0.1:9")["signatures"]
    assert check.status is CheckStatus.WARNING
    assert check.finding.startswith("published files are signed without a time stamp: ")
    assert "media.marking.time_authority" in check.remedy
