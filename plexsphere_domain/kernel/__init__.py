"""What every bounded context may import: ids, time, errors, events, paging, transactions, actors and secrets."""
