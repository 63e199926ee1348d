package config

import (
	"strings"
	"testing"
)

// An address of another machine says how the connection is secured, or is refused.
func TestRemoteDatabaseSaysHowItIsSecured(t *testing.T) {
	tests := []struct {
		dsn string
		// env are further variables.
		env string
		// refused addresses stop the start; warned ones are logged at each.
		refused, warned bool
	}{
		{dsn: "postgres://u@db/x", refused: true},
		{dsn: "postgres://u:secret@db:5432/x?sslmode=prefer", refused: true},
		{dsn: "postgres://db/x?sslmode=allow", refused: true},
		{dsn: "postgres://10.0.0.7/x", refused: true},
		{dsn: "postgres://localhost,db.example/x", refused: true},
		{dsn: "postgres:///x?host=db.example", refused: true},
		{dsn: "host=db dbname=x", refused: true},
		{dsn: "dbname=x hostaddr=192.0.2.1", refused: true},
		{dsn: "host='db' sslmode='prefer'", refused: true},
		{dsn: "host = db password='sslmode=verify-full'", refused: true},
		{dsn: "postgres://u@db/x", env: "PGSSLMODE=prefer", refused: true},
		{dsn: "postgres://u@db/x", env: "PGSSLMODE=verify-full"},
		{dsn: "postgres://u@db/x", env: "PGSSLMODE=require", warned: true},
		{dsn: "postgres://u@db/x?sslmode=require", env: "PGSSLMODE=verify-full", warned: true},
		{dsn: "postgres://u@db/x?sslmode=verify-full"},
		{dsn: "postgres://u@db/x?sslmode=verify-ca", warned: true},
		{dsn: "postgres://u@db/x?sslmode=disable", warned: true},
		{dsn: "host=db sslmode=verify-full"},
		{dsn: "host=db sslmode = 'verify-full'"},
		{dsn: "postgres://localhost/x"},
		{dsn: "postgres://127.0.0.1:5432/x"},
		{dsn: "postgres://[::1]:5432/x"},
		{dsn: "postgres:///x?host=/run/postgresql"},
		{dsn: "host=/run/postgresql dbname=x"},
		{dsn: "dbname=x"},
	}
	for _, tt := range tests {
		for _, name := range []string{"DATABASE_URL", "HP_DSN"} {
			c, err := Load([]string{name + "=" + tt.dsn, tt.env})
			if (err != nil) != tt.refused {
				t.Errorf("%s=%s %s: %v, want it refused: %v", name, tt.dsn, tt.env, err, tt.refused)
				continue
			}
			if err != nil && (!strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), "sslmode=verify-full") || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%s=%s: the error says %q", name, tt.dsn, err)
			}
			if got := c.Unverified(); (len(got) > 0) != tt.warned {
				t.Errorf("%s=%s %s: warnings %q, want some: %v", name, tt.dsn, tt.env, got, tt.warned)
			}
		}
	}
}

func TestRedisInTheClearIsTold(t *testing.T) {
	for url, warned := range map[string]bool{
		"redis://:s3cret@cache:6379/0": true, "rediss://cache:6379/0": false, "redis://localhost:6379/0": false, "redis://127.0.0.1/0": false, "unix:///run/redis.sock": false, "": false,
	} {
		c, err := Load([]string{"REDIS_URL=" + url})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(c.Unverified(), "\n")
		if (got != "") != warned || strings.Contains(got, "s3cret") {
			t.Errorf("%s: %q, want a warning: %v", url, got, warned)
		}
	}
}
