# One image for every process of a deployment; deploy/compose.yaml starts them all. By itself:
#   webserver  docker run -p 127.0.0.1:3000:3000 -v amazon_reviews:/srv/amazon_reviews/data IMAGE
#   headless   docker run -v amazon_reviews:/srv/amazon_reviews/data IMAGE amazon-reviews run
FROM python:3.11-slim-bookworm AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
WORKDIR /source
# The layer with the packages outlives changes of the code.
COPY locks/runtime.txt locks/
COPY deploy/install.sh deploy/
RUN deploy/install.sh dependencies /srv/amazon_reviews
COPY . .
RUN deploy/install.sh project /srv/amazon_reviews

FROM base
ENV PATH=/srv/amazon_reviews/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DAGSTER_HOME=/srv/amazon_reviews/data/dagster
WORKDIR /srv/amazon_reviews
RUN useradd --system --uid 10001 --user-group --home-dir /srv/amazon_reviews amazon_reviews \
    && mkdir --parents "$DAGSTER_HOME" \
    && chown --recursive amazon_reviews:amazon_reviews data
COPY --from=build /srv/amazon_reviews /srv/amazon_reviews
USER 10001
VOLUME /srv/amazon_reviews/data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/server_info', timeout=4)"]
ENTRYPOINT ["deploy/entrypoint.sh"]
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--workspace", "workspace.yaml"]
