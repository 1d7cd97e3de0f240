"""Every verb that changes Message Data, one module per stage of its life."""
