"""Reports of runs to systems outside: spans of OpenTelemetry, events of OpenLineage."""
