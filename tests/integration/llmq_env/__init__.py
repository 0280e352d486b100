"""What the integration tests run against: httpd, its error log, PostgreSQL, a fake LLM."""
