package embedded

// settings are the server's options. They stand on its command line, where
// neither postgresql.conf nor ALTER SYSTEM overrides them.
func settings(socketDir string, durable bool) []string {
	list := []string{
		"listen_addresses=", "port=" + socketPort,
		"unix_socket_directories=" + socketDir, "unix_socket_permissions=0700",
		"cluster_name=health-portal", "timezone=UTC", "log_timezone=UTC",

		"max_connections=100", "shared_buffers=256MB", "work_mem=16MB", "maintenance_work_mem=256MB",
		"effective_cache_size=1GB", "random_page_cost=1.1", "jit=off",
		"max_locks_per_transaction=256", // a dump or migration locks every monthly partition
		"max_wal_size=2GB", "checkpoint_timeout=15min", "wal_compression=on",
	}
	list = append(list, silence()...)
	if durable {
		return append(list, "fsync=on", "full_page_writes=on", "synchronous_commit=on")
	}
	return append(list, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
}

// silence keeps health data out of the server's log: statements and parameters
// carry it, and so do the messages of failed statements, which the portal
// receives anyway. Starts, stops and crashes are logged.
func silence() []string {
	return []string{
		"log_destination=stderr", "logging_collector=off", "log_line_prefix=%m [%p] ",
		"log_min_messages=log", "log_error_verbosity=terse",
		"log_statement=none", "log_min_error_statement=panic", "log_duration=off",
		"log_min_duration_statement=-1", "log_min_duration_sample=-1", "log_transaction_sample_rate=0",
		"log_parameter_max_length=0", "log_parameter_max_length_on_error=0",
		"log_lock_waits=off", "log_temp_files=-1", "log_autovacuum_min_duration=-1", "log_checkpoints=off",
		"log_connections=off", "log_disconnections=off", "log_replication_commands=off",
		"debug_print_parse=off", "debug_print_rewritten=off", "debug_print_plan=off",
		"shared_preload_libraries=", "session_preload_libraries=", "local_preload_libraries=",
	}
}
