# CPU image: docker build -t armorm-server .
# What is in it, and what has been tried of it: docs/images.md. NODE_IMAGE takes a digest, too: node@sha256:...
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
# No GPU library is fetched; no package runs a script.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node_modules/.bin/tsc -p tsconfig.build.json \
  && find build -name '*.map' -delete -o -name '*.d.ts' -delete \
  && npm prune --omit=dev --ignore-scripts && npm pkg delete devDependencies
COPY LICENSE NOTICE ./
COPY models models
COPY scripts/image scripts/image
RUN node scripts/image/trim.mjs /app \
  && node scripts/image/root-fs.mjs /app/node_modules /root-fs \
  && npm sbom --sbom-format cyclonedx | node scripts/image/sbom.mjs /app SBOM.cdx.json --system /root-fs \
  && node scripts/image/licences.mjs /app THIRD-PARTY-LICENSES.txt --system /root-fs

# Nothing but Node, the libraries that it needs, and the server: no shell, no package manager.
FROM scratch
COPY --from=build /root-fs /
WORKDIR /app
ENV PATH=/usr/local/bin NODE_ENV=production ORT_DISABLE_TELEMETRY=1 ARMORM_HOST=0.0.0.0
COPY models models
COPY --from=build /app/node_modules node_modules
COPY src/export/onnx/onnx.proto src/export/onnx/onnx.proto
COPY src/train/assemble/modeling_custom.py src/train/assemble/modeling_custom.py
COPY --from=build /app/build/src build/src
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE /app/SBOM.cdx.json /app/THIRD-PARTY-LICENSES.txt ./
LABEL org.opencontainers.image.title=armorm-server org.opencontainers.image.licenses=Apache-2.0
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ARMORM_PORT ?? 8080}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# SIGTERM ends it in order within ARMORM_SHUTDOWN_DEADLINE (8 s), so the usual 10 s of grace are enough.
ENTRYPOINT ["node", "build/src/cli/main.js"]
CMD ["serve"]
