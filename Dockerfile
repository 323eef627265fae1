# One image for web, worker and beat (compose.yaml shows them). Build: docker build -t enlace .

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /build
COPY requirements.txt .
# pytest is listed there as well, for people who work on Enlace: it stays out of the image.
RUN sed '/^pytest/,/[^\]$/d' requirements.txt > runtime.txt \
    && /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement runtime.txt \
    && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/enlace
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin enlace \
    && install --directory --owner enlace --mode 0750 /var/lib/enlace
WORKDIR /srv/enlace
COPY --from=build /opt/venv /opt/venv
COPY . .
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=4)"]
CMD ["gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
