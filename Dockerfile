# syntax=docker/dockerfile:1
# The service in a small image without a shell:        docker build --tag segue .
# The pipeline, which makes releases, in another one:   docker build --target pipeline --tag segue-pipeline .
# Both run as user 65532 and write nowhere but under /var/lib/segue, so the root file system may be read-only.

FROM rust:1.95-slim-bookworm AS source
WORKDIR /src
# Only what .dockerignore lets through.
COPY . .
# Backtraces name functions from the symbol table; line tables are ten times the program's size.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo
# Volumes take the owner of the directory they cover.
RUN mkdir -p /empty

FROM source AS build-pipeline
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package segue-pipeline && cp target/release/segue-pipeline /segue-pipeline

FROM source AS build-service
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package segue && cp target/release/segue /segue

FROM gcr.io/distroless/cc-debian12:nonroot AS pipeline
COPY --from=build-pipeline /segue-pipeline /usr/local/bin/segue-pipeline
COPY --from=source --chown=65532:65532 /empty /var/lib/segue
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/segue-pipeline"]
CMD ["--help"]

# The last stage is what is built when no target is named.
FROM gcr.io/distroless/cc-debian12:nonroot AS service
COPY --from=build-service /segue /usr/local/bin/segue
COPY --from=source --chown=65532:65532 /empty /var/lib/segue
USER 65532:65532
# A file of settings, and none in the environment: variables would silently win over a file mounted in its place.
COPY --from=source /src/deploy/config/container.toml /etc/segue/segue.toml
# HTTP, gRPC, and the operator's door, which listens on loopback until configured otherwise.
EXPOSE 8080 50051 9090
STOPSIGNAL SIGTERM
# Alive, not ready: a replica that waits for its first release is well. Kubernetes ignores this and probes by itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["/usr/local/bin/segue", "health", "--url", "http://127.0.0.1:9090/livez"]
ENTRYPOINT ["/usr/local/bin/segue"]
CMD ["serve", "--config", "/etc/segue/segue.toml"]
