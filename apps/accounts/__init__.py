"""Organizations (the clients), persons (whose data it is), their identities, and the services that register them."""
