# One image for every process of a deployment:
#   webserver  docker run -p 127.0.0.1:3000:3000 -v amazon_reviews:/srv/amazon_reviews/data IMAGE
#   daemon     docker run -v amazon_reviews:/srv/amazon_reviews/data IMAGE dagster-daemon run -w workspace.yaml
#   headless   docker run -v amazon_reviews:/srv/amazon_reviews/data IMAGE amazon-reviews run
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DAGSTER_HOME=/srv/amazon_reviews/data/dagster

WORKDIR /srv/amazon_reviews

# Java, for AMAZON_REVIEWS_ENGINE=spark.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/*

# An empty package first: the layer with the dependencies then outlives changes of the code.
COPY pyproject.toml constraints.txt LICENSE ./
RUN mkdir amazon_reviews \
    && touch amazon_reviews/__init__.py \
    && pip install --constraint constraints.txt --editable .

COPY amazon_reviews amazon_reviews
COPY dagster.yaml workspace.yaml ./

# Delta's jars, for AMAZON_REVIEWS_ENGINE=spark.
RUN amazon-reviews jars

RUN useradd --system --uid 10001 --user-group --home-dir /srv/amazon_reviews amazon_reviews \
    && mkdir -p "$DAGSTER_HOME" \
    && chown -R amazon_reviews:amazon_reviews data
USER amazon_reviews
VOLUME /srv/amazon_reviews/data
EXPOSE 3000

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/server_info', timeout=4)"]

# A mounted data folder hides what the image put there, so dagster.yaml is linked at the start.
ENTRYPOINT ["/bin/sh", "-c", "mkdir -p \"$DAGSTER_HOME\"; [ -e \"$DAGSTER_HOME/dagster.yaml\" ] || ln -sf \"$PWD/dagster.yaml\" \"$DAGSTER_HOME/dagster.yaml\"; exec \"$@\"", "--"]
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--workspace", "workspace.yaml"]
