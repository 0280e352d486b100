#!/bin/sh
# What a shell user does. BASE is http://host:port/api/v1; prints one JSON answer a line.
set -e
curl -s -X POST "$BASE/messages" \
    -H "Content-Type: application/json" \
    -d '{
        "conversation_id": "conv_123456",
        "user_id": "user_789",
        "content": "Hello, this is a test message",
        "priority": "normal"
    }'
curl -s -X GET "$BASE/queues/status"
curl -s -X GET "$BASE/health"
