"""What the engines are started with."""

from delta.pip_utils import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from amazon_reviews.resources.engine import local_spark_config


def test_local_spark_takes_the_jars_that_delta_itself_names():
    by_delta = configure_spark_with_delta_pip(SparkSession.Builder())._options

    assert local_spark_config()["spark.jars.packages"] == by_delta["spark.jars.packages"]
