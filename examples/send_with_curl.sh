#!/bin/sh
# Send stock events with curl. Needs: URL of the API, KEY of scope ingest (stocktide keys create till-7).
#   URL=http://127.0.0.1:8420 KEY=stk_... sh send_with_curl.sh
set -eu

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# The same body, and thus the same ids, goes again on 429, 5xx and whatever happens to a connection, and waits as
# Retry-After asks. Other refusals end it: --fail is left out, for with it --retry-all-errors would repeat those too.
send() {
    status=$(curl --silent --show-error --retry 8 --retry-all-errors --max-time 30 \
        --output "$answer" --write-out '%{http_code}' --header "Authorization: Bearer $KEY" "$@")
    cat "$answer"
    echo
    [ "$status" -lt 400 ]
}

echo "products and locations, once; a field that is left out keeps its value"
send --request PUT "$URL/v1/products" --json '{"products": [{"sku": "A", "name": "Apples", "unit": "kg"}]}'
send --request PUT "$URL/v1/locations" --json '{"locations": [{"code": "S1", "timezone": "Europe/Lisbon"}]}'

echo "one event, structured"
send "$URL/v1/events" --header "Content-Type: application/cloudevents+json" --data-binary '{
  "specversion": "1.0", "id": "curl-receipt-1", "source": "/shops/S1/backdoor", "type": "stocktide.receipt",
  "time": "2026-03-01T06:30:00Z", "data": {"product": "A", "location": "S1", "quantity": 48}}'

echo "one event, binary: attributes as headers, data as body"
send "$URL/v1/events" --header "Content-Type: application/json" \
    --header "ce-specversion: 1.0" --header "ce-id: curl-sale-1" --header "ce-source: /shops/S1/till" \
    --header "ce-type: stocktide.sale" --header "ce-time: 2026-03-01T10:15:00Z" \
    --data-binary '{"product": "A", "location": "S1", "quantity": "1.250", "price": "1.99", "currency": "EUR"}'

echo "many events, one a line; each gets its own outcome"
send "$URL/v1/events" --header "Content-Type: application/x-ndjson" --data-binary @- <<'LINES'
{"specversion": "1.0", "id": "curl-sale-2", "source": "/shops/S1/till", "type": "stocktide.sale", "time": "2026-03-01T10:16:00Z", "data": {"product": "A", "location": "S1", "quantity": 2}}
{"specversion": "1.0", "id": "curl-sale-3", "source": "/shops/S1/till", "type": "stocktide.sale", "time": "2026-03-01T10:17:00Z", "data": {"product": "A", "location": "S1", "quantity": 1}}
LINES
