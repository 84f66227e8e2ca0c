"""The study with its files in an S3 store, as where machines share no disk: emulated by moto."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from workflow.conftest import sources

pytestmark = pytest.mark.slow

KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "name", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of a running store, and a client of it."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = (tmp_path_factory.mktemp("store") / "log.txt").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="name",
        aws_secret_access_key="secret",
    )
    try:
        create_bucket(client, server)
        yield address, client
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        client.close()
        log.close()


def create_bucket(client, server):
    """As soon as the store answers."""
    deadline = time.monotonic() + 120
    while True:
        try:
            client.create_bucket(Bucket="studies")
            return
        except BotoCoreError:
            assert server.poll() is None, "the store has ended"
            assert time.monotonic() < deadline, "the store does not answer"
            time.sleep(0.2)


def test_a_study_whose_files_are_in_a_store(store, finished, tmp_path):
    """The tables are those of a study on a disk, byte for byte, and logs alone are left here."""
    address, client = store
    study = sources(tmp_path / "study")
    words = ("--default-storage-provider", "s3", "--default-storage-prefix", "s3://studies/first")
    words += ("--storage-s3-endpoint-url", address)
    study.run(*words, **KEYS)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="studies", Prefix="first/")
    stored = {entry["Key"].removeprefix("first/") for page in pages for entry in page["Contents"]}
    assert "results/tiny/explore.html" in stored
    tables = finished.files("results/tiny/tables/**/*.csv")
    assert len(tables) >= 8
    for path in tables:
        key = f"first/{path.relative_to(finished.folder)}"
        assert client.get_object(Bucket="studies", Key=key)["Body"].read() == path.read_bytes(), key
    assert study.files("results/**/*") == []
    kept = (".log", ".tsv")  # Snakemake leaves logs and benchmarks
    left = [path for path in study.files(".snakemake/storage/**/*") if path.suffix not in kept]
    assert left == []
    assert study.planned(*words, **KEYS) == set()
