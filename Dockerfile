# nuseg with its models and what `--cluster` needs, for CPUs. Beside the image of Python only a package index is needed:
#
#     docker build -t nuseg .
#     docker build -t nuseg --build-arg PIP_INDEX_URL=https://packages.example.org/simple .
#     docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" nuseg nuseg segment slides -o results
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
ARG PIP_INDEX_URL
ARG EXTRAS=cluster
COPY pyproject.toml constraints.txt README.md LICENSE /source/
COPY src /source/src
RUN python -m venv /opt/nuseg
RUN /opt/nuseg/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    -c /source/constraints.txt "/source[${EXTRAS}]"
# What nothing here uses: other packages' own tests, and OpenVINO's plugins for other devices than CPUs.
RUN find /opt/nuseg/lib -type d -name tests -prune -exec rm -rf {} + \
    && find /opt/nuseg/lib -name "libopenvino_intel_[gn]pu_plugin.so" -delete \
    && /opt/nuseg/bin/python -m pip uninstall --yes --quiet pip

FROM ${PYTHON}
COPY --from=build /opt/nuseg /opt/nuseg
# HOME: also users whose number the image does not know have a folder that can be written.
ENV PATH=/opt/nuseg/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /work
USER 1000:1000
# No entry point: Nextflow and others start a shell in it.
CMD ["nuseg", "--help"]
