-- The same request as zero_wait.toml, for wrk.
wrk.method = "POST"
wrk.path = "/ask"
wrk.headers["X-API-Key"] = "test-api-key"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"query":"What is machine learning?","user_id":"user_1"}'
