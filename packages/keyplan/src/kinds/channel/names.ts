import type { Announcement } from '../../mechanisms/log/announcement.ts'
import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { ChannelSettings } from './settings.ts'

/** A channel by its name, with what goes along when something is published on it. */
export function announcementOf(
  name: string,
  { tagged }: Pick<Pattern, 'tagged'>,
  { sharded, reliable: terms }: Pick<ChannelSettings, 'sharded' | 'reliable'>,
): Announcement {
  return { channel: name, sharded, log: terms && { key: helperKey(name, tagged, 'channel'), terms } }
}

export const announcing =
  (pattern: Pattern, settings: Pick<ChannelSettings, 'sharded' | 'reliable'>) =>
  (params: ParamValues): Announcement =>
    announcementOf(pattern.format(params), pattern, settings)
