# The image holds one static binary and an empty state directory. No shell, no libc, no CA bundle: the web's roots and the
# time zones are in the binary.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --target x86_64-unknown-linux-gnu \
    && install -d -m 0700 /out/state \
    && install -m 0755 target/x86_64-unknown-linux-gnu/release/tollgate /out/tollgate

FROM scratch
COPY --from=build /out/tollgate /tollgate
COPY --from=build --chown=65532:65532 /out/state /state
USER 65532:65532
VOLUME /state
EXPOSE 4100 4101
ENTRYPOINT ["/tollgate"]
CMD ["serve", "-c", "/etc/tollgate/tollgate.yaml"]
