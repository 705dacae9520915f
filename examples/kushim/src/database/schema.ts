import type { Database } from './database.ts'

const tables = `
  create table if not exists profiles (
    user_id      text primary key,
    display_name text not null,
    email        text,
    time_zone    text,
    updated_at   timestamptz not null default now()
  );

  create table if not exists records (
    id             text primary key,
    user_id        text not null,
    platform       text not null,
    data_source_id text not null,
    external_id    text not null,
    title          text not null,
    content        text not null,
    created_at     timestamptz not null default now(),
    unique (user_id, platform, data_source_id, external_id)
  );

  create table if not exists facets (
    record_id text not null references records (id) on delete cascade,
    user_id   text not null,
    kind      text not null check (kind in ('person', 'address', 'link', 'tag')),
    value     text not null,
    primary key (record_id, kind, value)
  );
  create index if not exists facets_by_value on facets (user_id, kind, value);

  create table if not exists links (
    low_id     text not null references records (id) on delete cascade,
    high_id    text not null references records (id) on delete cascade,
    user_id    text not null,
    shared     text[] not null,
    created_at timestamptz not null default now(),
    primary key (low_id, high_id),
    check (low_id < high_id)
  );
  create index if not exists links_by_high on links (high_id);

  create table if not exists context_edits (
    record_id  text primary key references records (id) on delete cascade,
    title      text,
    pinned     text[] not null default '{}',
    removed    text[] not null default '{}',
    updated_at timestamptz not null default now()
  );

  create table if not exists pending_invalidations (
    id       bigint generated always as identity primary key,
    target   jsonb not null,
    noted_at timestamptz not null default now()
  );
`

// Any number will do, as long as every instance takes the same one.
const schemaLock = 7_146_305

/** Creates what is missing. Two instances that start at once take turns. */
export async function createSchema(database: Database): Promise<void> {
  await database.transaction(async sql => {
    await sql(`select pg_advisory_xact_lock(${schemaLock})`)
    for (const statement of tables.split(';')) {
      if (statement.trim()) await sql(statement)
    }
  })
}
