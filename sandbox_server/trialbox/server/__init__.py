"""The host side: the service, its pool of jails, and what holds the jails together."""
