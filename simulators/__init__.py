"""Who speaks: the speaker contract, the scripted speaker and the replay of logged ones."""
