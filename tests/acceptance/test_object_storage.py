"""Media in a bucket: rendered, shown, served, recovered, and what happens without the store."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from threading import Event
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.acceptance.mediagen import LAKE, STEAM, Installation, image, wait_until
from tests.object_store.server import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tests.object_store.server import BucketServer, TestBucket


TWO_PICTURES = """
from importlib import import_module

good = import_module("good")
output = good.parse().output
import_module("call_log").record_call(output)
for number in (1, 2):
    (output / f"{number}.png").write_bytes(good.png(side=64 + number))
"""


@pytest.fixture
def stored(installation: Installation, bucket: TestBucket) -> Installation:
    """An installation that publishes to a bucket, and keeps its state in its home."""
    configure(installation, bucket)
    return installation


def configure(installation: Installation, bucket: TestBucket, **media: object) -> None:
    """Write the configuration, with more keys under media."""
    section = {"storage": bucket.section, **media}
    installation.configure(
        {"media": section, "paths": {"state": str(installation.folder / "state")}}
    )


def staged(installation: Installation) -> list[str]:
    """What is left in the local staging area."""
    return [file.name for file in installation.folder.glob("state/*/publication/.staging/*")]


def agree(installation: Installation, bucket: TestBucket) -> None:
    """Check that rows and objects agree, nothing is left, and the output folder is empty."""
    rows = installation.poet.execute("SELECT file_path, metadata FROM prompt_artifacts")
    objects = bucket.objects()
    assert {path for path, _ in rows} == set(objects)
    for path, metadata in rows:
        facts = json.loads(metadata)
        assert hashlib.sha256(objects[path]).hexdigest() == facts["sha256"]
        assert facts["mark"]["metadata"] == "written"
        assert b"digitalsourcetype/" in objects[path]
    assert staged(installation) == []
    assert installation.published() == set()


def test_a_bucket_replaces_the_output_folder(
    stored: Installation, bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """Results are in the bucket, and every command says so; no secret is shown."""
    picture = stored.poet.write(json.dumps(LAKE))
    song = stored.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    done = stored.run()
    assert done.returncode == 0, done.stdout + done.stderr
    agree(stored, bucket)
    shown = json.loads(stored.shell.run("show", str(picture), "--json").stdout)
    [file] = shown["artifacts"]
    assert file["missing"] is False
    assert file["size_bytes"] == len(bucket.get(file["file_path"]))
    assert f"files in s3://{bucket.name}/poets\n" in stored.shell.run("show", str(song)).stdout
    doctor = stored.shell.run("doctor").stdout
    assert "refuses to create an object twice" in doctor
    assert "the files of the newest 2 rows exist" in doctor
    bucket.delete(file["file_path"])
    assert "MISSING" in stored.shell.run("show", str(picture)).stdout
    assert "missing below s3://" in stored.shell.run("doctor").stdout
    bucket_server.fault = lambda environ: environ.pop("HTTP_IF_NONE_MATCH", None) and None
    assert "replaces an object when it is asked to create one" in stored.shell.run("doctor").stdout
    for command in ("config", "doctor"):
        assert "tests-secret" not in stored.shell.run(command).stdout


def test_the_doctor_tries_a_signed_link(
    stored: Installation, bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """It names what browsers must reach, and warns if the store does not take one."""
    configure(stored, bucket, storage=bucket.section | {"signed_links": True})
    assert f"browsers must reach {bucket_server.url}" in stored.shell.run("doctor").stdout
    denied = refusal("403 Forbidden", "SignatureDoesNotMatch")
    bucket_server.fault = lambda environ: (
        denied if "X-Amz-Signature" in environ["QUERY_STRING"] else None
    )
    assert "does not accept a signed link: 403" in stored.shell.run("doctor").stdout


@pytest.mark.slow
def test_purged_files_are_deleted_from_the_bucket(stored: Installation, bucket: TestBucket) -> None:
    """Their rows stay, and neither doctor nor verify reports them missing."""
    prompts = [stored.poet.write(json.dumps(LAKE)) for _ in range(2)]
    assert stored.run().returncode == 0
    assert len(bucket.objects()) == 2
    assert stored.shell.run("purge", str(prompts[0])).returncode == 0
    assert len(bucket.objects()) == 2
    emptied = stored.shell.run("purge", "--now", "--yes")
    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    assert len(bucket.objects()) == 1
    assert len(stored.poet.execute("SELECT id FROM prompt_artifacts")) == 2
    assert "the files of the newest 1 rows exist" in stored.shell.run("doctor").stdout
    verified = stored.shell.run("verify", "--all")
    assert (verified.returncode, verified.stdout) == (0, "1 published files: 1 marked\n")


def test_signed_files_reach_the_bucket_unchanged(stored: Installation, bucket: TestBucket) -> None:
    """A downloaded object is valid, and found by its hash."""
    pytest.importorskip("c2pa")
    assert stored.shell.run("marking", "init-test-certificate", "t.pem").returncode == 0
    configure(stored, bucket, marking={"certificate": str(stored.shell.home / "t.pem")})
    prompt = stored.poet.write(json.dumps(LAKE))
    assert stored.run().returncode == 0
    agree(stored, bucket)
    [row] = stored.rows(prompt)
    assert row["metadata"]["mark"]["signature"] == "written"
    copy = stored.shell.home / "copy.png"
    copy.write_bytes(bucket.get(row["file_path"]))
    checked = stored.shell.run("--json", "verify", str(copy))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    [seen] = json.loads(checked.stdout)["files"]
    assert seen["signature"]["valid"] is True
    assert seen["artifact"]["file_path"] == row["file_path"]


def test_without_the_store_prompts_wait(
    stored: Installation, bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """The environment pauses the queue, which resumes once the store is back."""
    stored.poet.write(json.dumps(LAKE))
    bucket_server.stop()
    try:
        failed = stored.run()
        assert failed.returncode == 3, failed.stdout + failed.stderr
        assert "storage_unreachable" in failed.stdout + failed.stderr
        assert list(stored.statuses().values()) == ["pending"]
        assert "connection refused" in stored.shell.run("status").stdout
        assert "connection refused" in stored.shell.run("doctor").stdout
    finally:
        bucket_server.start()
    assert stored.run().returncode == 0
    assert list(stored.statuses().values()) == ["ready"]
    agree(stored, bucket)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [1, 2])
def test_an_upload_whose_state_folder_is_lost(
    stored: Installation, bucket: TestBucket, bucket_server: BucketServer, sent: int
) -> None:
    """The plan is in the database: what was sent in whole is published, a part of it is removed."""
    (stored.scripts / "two.py").write_text(TWO_PICTURES)
    configure(stored, bucket, scripts=stored.script_paths("two.py"))
    prompt = stored.poet.write(image("two pictures"))
    uploads: list[str] = []
    halted, lost = Event(), Event()

    def last(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = bucket_server.app(environ, start_response)
        halted.set()
        lost.wait(60)
        return answer

    def never(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        lost.wait(60)
        return refusal("503 Slow Down", "SlowDown")(environ, start_response)

    def fault(environ: WSGIEnvironment) -> WSGIApplication | None:
        if environ["REQUEST_METHOD"] != "PUT" or "/image/" not in environ["PATH_INFO"]:
            return None
        if lost.is_set():
            return None
        uploads.append(environ["PATH_INFO"])
        return last if len(uploads) <= sent else never

    bucket_server.fault = fault
    with stored.started("daemon") as daemon:
        assert halted.wait(90)
        wait_until(lambda: len(bucket.objects()) == sent)
        daemon.kill()
        daemon.wait()
    lost.set()
    shutil.rmtree(stored.folder / "state")
    done = stored.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert stored.statuses() == {prompt: "ready"}
    assert len(stored.rows(prompt)) == 2
    agree(stored, bucket)
    assert stored.poet.execute("SELECT * FROM media_generator_plans") == []
    outcomes = stored.poet.execute("SELECT outcome FROM media_generator_renders ORDER BY render_id")
    assert outcomes == [("abandoned",), ("published",)]
    assert len(stored.calls()) == (1 if sent == 2 else 2)  # whole uploads are not rendered again


@pytest.mark.slow
def test_a_daemon_waits_for_the_store_and_the_page_reports_it(
    stored: Installation, bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """It resumes on its own; the page serves ranges, and 503 while the store is down."""
    configure(stored, bucket, renderer={"image": "sketch", "audio": "sketch"})
    first = stored.poet.write(json.dumps(LAKE))
    with stored.started("daemon") as daemon, stored.started("serve", "--port=0", "--json") as page:
        wait_until(lambda: stored.statuses()[first] == "ready")
        assert page.stdout is not None
        url = json.loads(page.stdout.readline())["url"]
        [row] = stored.rows(first)
        address = f"{url}/api/media/{row['file_path']}"
        part = urllib3.request("GET", address, headers={"Range": "bytes=100-299"})
        assert (part.status, part.data) == (206, bucket.get(row["file_path"])[100:300])
        bucket_server.stop()
        try:
            second = stored.poet.write(json.dumps(LAKE))
            wait_until(lambda: "storage_unreachable" in stored.shell.run("status").stdout)
            assert stored.statuses()[second] == "pending"
            assert urllib3.request("GET", address, retries=False).status == 503
        finally:
            bucket_server.start()
        wait_until(lambda: stored.statuses()[second] == "ready", 180)
        for process in (daemon, page):
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=90)
            assert "Traceback" not in complaints
            assert "tests-secret" not in complaints
    agree(stored, bucket)
