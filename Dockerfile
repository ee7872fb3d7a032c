# CPU image: docker build -t armorm-server .   (no GPU library is fetched; see README, GPU)
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node_modules/.bin/tsc -p tsconfig.build.json && npm prune --omit=dev --ignore-scripts
# ONNX Runtime's package carries the libraries of every platform; this image runs on one.
RUN arch=$(node -p process.arch) \
  && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -path "*/linux/$arch" -exec rm -r {} +

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production ORT_DISABLE_TELEMETRY=1 ARMORM_HOST=0.0.0.0
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/build build
COPY --from=build /app/src/export/onnx/onnx.proto src/export/onnx/onnx.proto
COPY package.json LICENSE NOTICE ./
COPY models models
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ARMORM_PORT ?? 8080}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# SIGTERM ends it in order within ARMORM_SHUTDOWN_DEADLINE (8 s), so the usual 10 s of grace are enough.
ENTRYPOINT ["node", "build/src/cli/main.js"]
CMD ["serve"]
