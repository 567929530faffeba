# Every third-party image Sampan uses, one FROM per image. Tests read the names from here; an update bot reads it too.
FROM busybox:1.37.0 AS busybox
FROM langgenius/dify-api:1.13.3 AS dify-api
FROM langgenius/dify-web:1.13.3 AS dify-web
FROM langgenius/dify-plugin-daemon:0.5.3-local AS dify-plugin-daemon
FROM langgenius/dify-sandbox:0.2.14 AS dify-sandbox
FROM ubuntu/squid:6.6-24.04_edge AS squid
FROM nginx:1.28.0-alpine AS nginx
FROM postgres:17.6-alpine AS postgres
FROM redis:7.4.5-alpine AS redis
FROM semitechnologies/weaviate:1.27.0 AS weaviate
FROM pgvector/pgvector:0.8.0-pg17 AS pgvector
