# Web, worker and commands in one image. The miniature's weights are part of the code; SDXL's are
# not inside, they are installed into a volume.

FROM python:3.11-slim-bookworm AS packages

# PyTorch's default build for Linux brings several gigabytes of CUDA along. Where no NVIDIA GPU is,
# build with the address that https://pytorch.org/get-started/locally/ shows for Pip and CPU as
# PIP_EXTRA_INDEX_URL: to pip, the 2.13.0+cpu found there is newer than 2.13.0.
ARG PIP_EXTRA_INDEX_URL

WORKDIR /build
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt LICENSE ./
# Without the code and with an empty README, so that only other packages make this run again.
RUN --mount=type=cache,target=/root/.cache/pip \
    touch README.md && /opt/venv/bin/pip install --constraint constraints.txt .


FROM python:3.11-slim-bookworm

# A new volume takes its owner from the folder that it is mounted on.
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/imagen --shell /usr/sbin/nologin imagen \
    && install --directory --owner=imagen --group=imagen /var/lib/imagen/data /var/lib/imagen/media

COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /opt/imagen
COPY . .
# The programs cannot do it themselves: the code is not theirs to write.
RUN python -m compileall -q generation imagen_site

USER 10001:10001
EXPOSE 8009
STOPSIGNAL SIGTERM
CMD ["python", "-m", "imagen_site.web", "--host", "0.0.0.0"]
