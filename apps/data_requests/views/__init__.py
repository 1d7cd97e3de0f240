"""Pages of data requests that anybody can open: the form, what a link in a mail opens, and what is fetched."""
