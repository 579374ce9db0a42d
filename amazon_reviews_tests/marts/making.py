"""A mart by itself, for tests that look at one."""

from amazon_reviews.pipeline.marts import MARTS, make_mart

BY_NAME = {mart.table.key.removeprefix("gold/"): mart for mart in MARTS}


def made(spark, lakehouse, name):
    """Make the mart, after those it is made from that are not there; returns it as Arrow table."""
    mart = BY_NAME[name]
    for noun in (key.removeprefix("gold/") for key in mart.inputs):
        if noun in BY_NAME and not lakehouse.exists(f"gold/{noun}"):
            made(spark, lakehouse, noun)
    make_mart(spark, lakehouse, mart)
    return lakehouse.delta(mart.table.key).to_pyarrow_table()
