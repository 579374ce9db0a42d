"""The jobs without assets."""

from amazon_reviews.pipeline.renamed_tables import old_tables
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.renamed import OLD, write_old_table


def test_the_maintenance_job_removes_old_tables(empty):
    warehouse = open_warehouse(empty.settings.warehouse)
    write_old_table(empty.lakehouse, warehouse)
    assert old_tables(empty.lakehouse, warehouse) == [OLD]

    job = empty.defs.resolve_job_def("maintain_tables")
    assert job.execute_in_process(instance=empty.instance).success

    assert old_tables(empty.lakehouse, warehouse) == []
