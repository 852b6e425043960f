# tagwright for amd64 and arm64. The steps stand in docker/steps, which scripts/image-chroot takes as well.
#
#   docker build -t tagwright .                              without models (about 400 MB)
#   docker build -t tagwright --build-arg EXTRAS=onnx .      with what a model needs that runs here
#   docker buildx build --platform linux/amd64,linux/arm64 .
ARG DEBIAN=bookworm-slim

FROM debian:${DEBIAN} AS build
ARG EXTRAS=""
WORKDIR /source
COPY docker/steps docker/
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY watcher watcher
COPY metadata metadata
COPY models models
RUN docker/steps build "${EXTRAS}"

FROM debian:${DEBIAN}
COPY docker/steps docker/entrypoint /usr/local/lib/tagwright/docker/
RUN /usr/local/lib/tagwright/docker/steps runtime
COPY --from=build /opt/tagwright /opt/tagwright
ENV PATH=/opt/tagwright/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/state \
    XDG_CACHE_HOME=/state/cache \
    NUMBA_CACHE_DIR=/state/cache/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    TAGWRIGHT_STATE=/state
VOLUME /state
WORKDIR /state
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=2m --timeout=10s --start-period=5m --retries=2 CMD ["tagwright", "status", "--health"]
ENTRYPOINT ["/usr/local/lib/tagwright/docker/entrypoint"]
CMD ["run"]
