# One image for every process of the farm; docker-compose.yml says which command each runs.
FROM python:3.12-slim-bookworm AS build
WORKDIR /source
# The lock's versions without its hashes: pip cannot check a hash of the package it builds here.
COPY requirements.lock .
RUN sed --regexp-extended '/--hash=/d; s/ *\\$//' requirements.lock > constraints.txt
COPY pyproject.toml README.md LICENSE ./
COPY tasks tasks
COPY config config
COPY selfheal selfheal
RUN python -m venv /opt/selfheal \
    && /opt/selfheal/bin/pip install --no-cache-dir --constraint constraints.txt ".[flower,otel,qdrant,server]"

FROM python:3.12-slim-bookworm
# git and ssh reach repositories; bubblewrap is the sandbox in which their code runs.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/selfheal selfheal
COPY --from=build /opt/selfheal /opt/selfheal
# PYTHONSAFEPATH: `python -m` never imports from the folder that it is started in.
ENV PATH=/opt/selfheal/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    SELFHEAL_FARM__RUN_FOLDER=/var/lib/selfheal
USER selfheal
WORKDIR /var/lib/selfheal
CMD ["selfheal", "--help"]
