"""Links from assets to their code: the function that builds them, and the transform of a mart.

They are files of the installed package, so they hold in a checkout and in a wheel. Dagster's own
`with_source_code_references` would name the file of a decorator.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dagster as dg

import amazon_reviews

REFERENCES = "dagster/code_references"
_PACKAGE = Path(amazon_reviews.__file__).parent


def reference_metadata(
    function: Callable[..., object], before: dg.CodeReferencesMetadataValue | None = None
) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Return the metadata that links to a function, after the references `before`."""
    function = inspect.unwrap(function)
    file = Path(inspect.getfile(function)).resolve()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(
            file_path=str(file),
            line_number=inspect.getsourcelines(function)[1],
            label=f"{function.__name__} in {file.relative_to(_PACKAGE.resolve())}",
        )
        known = before.code_references if before else []
        return {REFERENCES: dg.CodeReferencesMetadataValue(code_references=[*known, reference])}


def with_code(assets: Iterable[Any]) -> list[dg.AssetsDefinition]:
    """Return the assets, all defined by functions, with links to these."""
    return [_with_code(asset) for asset in assets]


def _with_code(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    compute: Any = asset.op.compute_fn

    def linked(spec: dg.AssetSpec) -> dg.AssetSpec:
        before = spec.metadata.get(REFERENCES)
        metadata = reference_metadata(compute.decorated_fn, before)
        return spec.replace_attributes(metadata={**spec.metadata, **metadata})

    return asset.map_asset_specs(linked)
