"""SeaweedFS with real Object Lock as a child of the test run: one process, its files in a folder of its own, on loopback."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.retention.places.ports import die_with_us, free_ports
from tests.retention.places.tls import Identity

ACCESS_KEY, SECRET_KEY = "AKPLACES", "s3-secret-4711-must-never-be-seen"
POWERLESS_KEY, POWERLESS_SECRET = "AKPOWERLESS", "another-secret-4711"
STARTS_IN = 60
ATTEMPTS = 3
ENDS_IN = 5  # it ignores SIGTERM; after that long it is killed
PORTS = ("master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc", "s3", "s3_https", "s3_grpc")


def start(folder: Path, identity: Identity) -> "Seaweed":
    """A running server; tried again with other ports where somebody was quicker."""
    for attempt in range(1, ATTEMPTS):
        with suppress(SeaweedDoesNotStart):
            return Seaweed(folder / f"weed-{attempt}", identity)
    return Seaweed(folder / "weed-last", identity)


class SeaweedDoesNotStart(Exception):
    """There is no S3 to test against."""


def binary() -> str | None:
    return shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


class Seaweed:
    """A running server with a bucket that locks and some that don't."""

    def __init__(self, folder: Path, identity: Identity):
        self.folder, self.identity = folder, identity
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        (folder / "data").mkdir(parents=True)
        (folder / "s3.json").write_text(json.dumps({"identities": _identities()}))
        ports = self.ports
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [
                binary(), "-logtostderr=true", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                f"-master.port={ports['master']}", f"-master.port.grpc={ports['master_grpc']}", "-master.telemetry=false",
                "-master.volumeSizeLimitMB=256", "-volume.max=40",
                f"-volume.port={ports['volume']}", f"-volume.port.grpc={ports['volume_grpc']}",
                f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filer_grpc']}", f"-filer.localSocket={folder / 'f'}",
                "-s3", f"-s3.port={ports['s3']}", f"-s3.port.https={ports['s3_https']}", f"-s3.port.grpc={ports['s3_grpc']}",
                f"-s3.localSocket={folder / 's'}", f"-s3.config={folder / 's3.json'}", "-s3.autoCreateBucket=false",
                f"-s3.cert.file={identity.certificate}", f"-s3.key.file={identity.key}", "-s3.port.iceberg=0", "-s3.port.lance=0",
            ],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder,
            preexec_fn=die_with_us,
        )  # fmt: skip
        self.client = self._new_client()
        try:
            self._wait()
            self.client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
            self.client.create_bucket(Bucket="default-locked", ObjectLockEnabledForBucket=True)
            self.client.put_object_lock_configuration(
                Bucket="default-locked",
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
                },
            )
            for bucket in ("locked", "default-locked"):  # the first object of a bucket makes its volume, which takes long
                self.client.put_object(Bucket=bucket, Key="first", Body=b"first")
            self.client.create_bucket(Bucket="plain")
            self.client.create_bucket(Bucket="versioned")
            self.client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports['s3_https']}"

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(ENDS_IN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        for server in ("master", "volume", "filer", "s3"):  # sockets that it makes outside its folder
            Path(f"/tmp/seaweedfs-{server}-grpc-{self.ports[f'{server}_grpc']}.sock").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        ends, last = time.monotonic() + STARTS_IN, ""
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                self.client.list_buckets()
                return
            except Exception as error:
                last = type(error).__name__
                time.sleep(0.2)
        raise SeaweedDoesNotStart(f"{last}: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def _new_client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.ports['s3']}", region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1, "mode": "standard"}),
        )  # fmt: skip


def _identities() -> list[dict]:
    return [
        {
            "name": "archives",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        },
        {
            "name": "powerless",
            "credentials": [{"accessKey": POWERLESS_KEY, "secretKey": POWERLESS_SECRET}],
            "actions": ["Read:plain"],
        },
    ]
