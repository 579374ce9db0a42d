"""Sensors that are off because of a setting: they stay in the UI and say why."""

import dagster as dg

_HOUR = 3_600


def off_sensor(sensor: dg.SensorDefinition, why: str) -> dg.SensorDefinition:
    """Return a sensor of the same name that is off from the start, with the reason.

    One that is switched on all the same repeats the reason once an hour, and starts no run.
    """
    return dg.SensorDefinition(
        name=sensor.name,
        evaluation_fn=lambda _: dg.SkipReason(why),
        jobs=sensor.jobs if sensor.has_jobs else None,
        asset_selection=None if sensor.has_jobs else sensor.asset_selection,
        description=f"Off: {why}.\n\n{sensor.description}",
        minimum_interval_seconds=_HOUR,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
