"""The queue of runs, in which the stream run has a place of its own."""

import dagster as dg

STREAM_JOB = "stream_reviews"
"""The name of the job that takes events to gold as long as they keep coming."""

SHARED_PLACE = {".dagster/amazon_reviews_place": "shared"}
"""The tag of all other runs, whose number `dagster.yaml` limits. Dagster hides its prefix."""


class RunQueue(dg.QueuedRunCoordinator):
    """Queues runs, and marks those that share the places of the queue.

    Dagster limits the number of runs with a tag, and not of runs without one.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = context.dagster_run
        if run.job_name != STREAM_JOB:
            self._instance.add_run_tags(run.run_id, SHARED_PLACE)
        return super().submit_run(context)
