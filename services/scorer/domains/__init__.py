"""One folder a domain: ``features.py`` says what is known of a subject, ``rules/`` what it means."""
