"""Connections with TLS, and a name of a namespace that leads to the emulator."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from azure.eventhub import (
    EventData,
    EventHubProducerClient,
    EventHubSharedKeyCredential,
    TransportType,
)
from azure.eventhub.exceptions import ConnectError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews_tests.event_hub_emulator.clients import QUICK, received


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a self-signed certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(path)


@pytest.fixture
def emulator(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with EventHubEmulator({"reviews": 1}, ssl_context=context) as emulator:
        yield emulator


def reach(emulator, certificate):
    """Return the options that lead a client to the emulator under another host name."""
    return {
        "fully_qualified_namespace": "own.servicebus.windows.net",
        "eventhub_name": "reviews",
        "credential": EventHubSharedKeyCredential(emulator.policy, emulator.key),
        "custom_endpoint_address": f"sb://127.0.0.1:{emulator.port}",
        "transport_type": TransportType.Amqp,
        "connection_verify": certificate,
        "retry_total": 0,
    } | QUICK


def test_producer_sends_over_tls_under_the_name_of_a_namespace(emulator, certificate):
    with EventHubProducerClient(**reach(emulator, certificate)) as client:
        client.send_event(EventData("secret"), partition_id="0")

    assert emulator.sequence_numbers("reviews", "0") == range(1)
    assert "UseDevelopmentEmulator" not in emulator.connection_string("reviews")


def test_client_rejects_an_untrusted_certificate(emulator):
    options = reach(emulator, None)
    del options["connection_verify"]

    with (
        EventHubProducerClient(**options) as client,
        pytest.raises(ConnectError, match="certificate"),
    ):
        client.get_partition_ids()


def test_connection_without_tls_is_closed(emulator, certificate):
    connection = f"{emulator.connection_string('reviews')};UseDevelopmentEmulator=true"

    consumer = received(connection, 1, partition_id="0", client_options={"retry_total": 0})
    assert consumer.errors
