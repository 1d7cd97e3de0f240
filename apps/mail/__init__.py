"""The outbox: mail is a row written with the act that causes it, and sent once after the commit."""
