# One image for every service of docker-compose.yaml: Airflow with the package in it.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/batch-transform/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/batch-transform/plugins

WORKDIR /opt/batch-transform
COPY requirements.txt .
RUN pip install --no-cache-dir "$(grep -o '^uv==[0-9.]*' requirements.txt)" \
    && uv pip sync --system --no-cache requirements.txt
COPY . .
RUN uv pip install --system --no-cache --no-deps ./local/aws
RUN useradd --create-home --uid 50000 airflow && mkdir -p /opt/airflow/logs /opt/airflow/config \
    && cp local/airflow_local_settings.py /opt/airflow/config/ && chown -R airflow /opt/airflow
USER airflow
