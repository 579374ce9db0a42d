"""Azure's default credential: a managed identity, or the login of Azure's command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


def default_credential() -> "DefaultAzureCredential":
    """Return the credential for services whose settings hold neither token nor key."""
    # Imported here because it takes half a second, and most settings hold a token or a key.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
