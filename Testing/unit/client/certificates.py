"""Certificates made for a test by the program openssl."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that is its own authority, and a server's context with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("The program openssl, which makes the certificate, is not installed.")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(key), "-out", str(certificate))
    made = subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *files],
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("This openssl cannot make a certificate with a subjectAltName.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
