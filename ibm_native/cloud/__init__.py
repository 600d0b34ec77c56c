"""How IBM Cloud is reached: connection, credentials, calls, errors; imports no other folder of the provider."""
