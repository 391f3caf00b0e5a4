# kouplet as an image: built from this repository, run as an ordinary user, writing nowhere but where it is told to.
#   docker build -t kouplet .
#   docker run --read-only --rm kouplet --help
FROM node:24-slim AS build
WORKDIR /build
COPY . .
RUN npm ci --no-audit --no-fund && npm run build
# What is published, with what it depends on and nothing of development.
RUN mkdir /app && mv build/kouplet-*.tgz /app/kouplet.tgz && cd /app && \
    npm init --yes >/dev/null && npm install --omit=dev --omit=optional --no-audit --no-fund ./kouplet.tgz && \
    rm kouplet.tgz package.json package-lock.json

FROM node:24-alpine
LABEL org.opencontainers.image.title="kouplet" \
      org.opencontainers.image.description="Koupleless modules on line and off line with kubectl: virtual Kubernetes Nodes over MQTT" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=build /app/node_modules /app/node_modules
USER 1000:1000
ENTRYPOINT ["node", "/app/node_modules/kouplet/dist/main.js"]
CMD ["--help"]
