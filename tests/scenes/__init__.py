"""Stories between people with real engines and a real host core, without sockets."""
