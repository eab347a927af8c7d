"""Who is spoken to: rows of data and the credentials that go with them."""
