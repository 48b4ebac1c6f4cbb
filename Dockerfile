# The image of ascend-sidecar: its interpreter, its libraries, its policies, and no shell. docs/deploy-container.md.
#   docker build --build-arg BASE=debian:bookworm-slim@sha256:… --tag ascend-sidecar .
# BASE has no default, because a digest is to be chosen and not inherited: without one nothing is built.
ARG BASE

FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=1767225600
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} LC_ALL=C.UTF-8
WORKDIR /src
COPY deploy/container/ deploy/container/
RUN deploy/container/tools.sh
COPY pyproject.toml constraints.txt README.md ./
COPY sidecar/ sidecar/
COPY policies/ policies/
RUN deploy/container/wheel.sh /out/wheel && deploy/container/tree.sh /out/wheel /out/tree

FROM scratch
COPY --from=build /out/tree/ /
COPY --from=build --chown=65532:65532 /out/state /var/lib/ascend-sidecar
COPY --from=build --chown=65532:65532 /out/run /run/ascend-sidecar
ENV PATH=/opt/ascend-sidecar/bin LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
    ASCEND_SIDECAR_STATE_DIR=/var/lib/ascend-sidecar ASCEND_SIDECAR_RUN_DIR=/run/ascend-sidecar \
    ASCEND_SIDECAR_LOG_FORMAT=json
USER 65532:65532
VOLUME ["/var/lib/ascend-sidecar", "/run/ascend-sidecar"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["ascend-sidecar", "status"]
ENTRYPOINT ["ascend-sidecar"]
CMD ["serve"]
