"""The option `--public` of the commands that serve strangers only if they are told to."""

from ipaddress import IPv6Address, ip_address

import click

public_option = click.option(
    "--public",
    is_flag=True,
    help="Let everyone who reaches the address use it without a key or login.",
)


def is_loopback(host: str) -> bool:
    """Return True if only programs on this machine reach a server that listens on the host.

    A name other than localhost may resolve to any address, and an empty one means all of them.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
