"""Files of the Hugging Face hub, by address; kept in its cache, and missed plainly without a connection."""

from __future__ import annotations

import re
from pathlib import Path

from cinecor.errors import ConfigError, ResourceError

SCHEME = "hf://"


def fetch_file(address: str) -> Path:
    """Where a file lies: a path as it is, or ``hf://OWNER/REPOSITORY/FILE`` fetched when it is not in the cache.

    Raises:
        ConfigError: PARSE for an address that is none.
        ResourceError: OFFLINE where the file can neither be found in the cache nor fetched.
    """
    if not address.startswith(SCHEME):
        return Path(address)
    parts = re.fullmatch(rf"{SCHEME}([\w.-]+/[\w.-]+)/([\w./-]+)", address)
    if parts is None:
        cure = f"write {SCHEME}OWNER/REPOSITORY/FILE"
        raise ConfigError("PARSE", f"{address!r} is no address of a file", cure, where="file")
    from huggingface_hub import hf_hub_download  # a second, which files on disk need not wait

    repository, name = parts.groups()
    try:
        return Path(hf_hub_download(repository, name))
    except Exception as error:  # the hub raises what its transport raises: a dozen unrelated types
        what = f"it cannot be fetched from {repository} ({type(error).__name__})"
        cure = "connect once, set HF_HOME to a filled cache, or give the file itself"
        raise ResourceError("OFFLINE", what, cure, where=name) from error
