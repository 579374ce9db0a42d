"""The JSON schema of the OpenLineage events that this project sends.

It states the rules of the specification's version 2-0-2 for run events and for the facets in use,
and is stricter: events hold nothing else. No package has the specification's own files.
"""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_URI: Schema = {"type": "string", "format": "uri", "pattern": "^[a-z]+:"}
_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
}
_UUID: Schema = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
}
_BASE: Schema = {"_producer": _URI, "_schemaURL": _URI}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _facets(**facets: Schema) -> Schema:
    return _object({}, facets)


_JOB = _object({"namespace": _TEXT, "name": _TEXT}, {"facets": _facets()})
_RUN = _object({"runId": _UUID}, {"facets": _facets()})
_PARENT = _object({**_BASE, "run": _RUN, "job": _JOB})
_TAG = _object({"key": _TEXT, "value": _TEXT}, {"source": _TEXT})
_TAGS = _object({**_BASE, "tags": _list(_TAG)})
_ERROR = _object({**_BASE, "message": _TEXT, "programmingLanguage": _TEXT}, {"stackTrace": _TEXT})
_FIELD = _object({"name": _TEXT}, {"type": _TEXT, "description": _TEXT, "fields": _list({})})
_SCHEMA = _object({**_BASE, "fields": _list(_FIELD)})
_SOURCE = _object(
    {"namespace": _TEXT, "name": _TEXT, "field": _TEXT}, {"transformations": _list({})}
)
_COLUMNS = _object(
    {
        **_BASE,
        "fields": {
            "type": "object",
            "additionalProperties": _object({"inputFields": _list(_SOURCE)}),
        },
    },
    {"dataset": _list(_SOURCE)},
)
_STATISTICS = _object({**_BASE, "rowCount": {"type": "integer", "minimum": 0}})
_DATASET: Schema = {"namespace": _TEXT, "name": _TEXT}

RUN_EVENT: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {
            "eventType": {"enum": ["START", "COMPLETE", "FAIL", "ABORT"]},
            "eventTime": _TIME,
            "producer": _URI,
            "schemaURL": _URI,
            "run": _object(
                {"runId": _UUID},
                {"facets": _facets(parent=_PARENT, errorMessage=_ERROR, tags=_TAGS)},
            ),
            "job": _JOB,
            "inputs": _list(_object(_DATASET, {"facets": _facets(), "inputFacets": _facets()})),
            "outputs": _list(
                _object(
                    _DATASET,
                    {
                        "facets": _facets(
                            schema=_SCHEMA,
                            columnLineage=_COLUMNS,
                            version=_object({**_BASE, "datasetVersion": _TEXT}),
                        ),
                        "outputFacets": _facets(outputStatistics=_STATISTICS),
                    },
                )
            ),
        }
    ),
}
"""A run event."""
