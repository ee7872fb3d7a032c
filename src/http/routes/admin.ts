/** What operators ask of a running server. */
import type { FastifyInstance } from 'fastify'
import { modelReply } from '../replies.js'
import { ReloadReply } from '../schemas/admin.js'
import { replies } from '../schemas/results.js'
import type { ServerServices } from '../services.js'

/** Declares nothing on a server that was not told to take such requests. */
export async function adminRoutes(app: FastifyInstance, { reload }: ServerServices): Promise<void> {
  if (!reload) return
  app.post(
    '/admin/reload',
    {
      schema: {
        tags: ['operation'],
        summary: 'Read the bundle anew and put it into service',
        description:
          'Only with --admin-reload on. No body is looked at. The bundle of --model is loaded beside the one in service, proves itself, and takes over; requests that came before are answered by the old one. `reload_failed`: the old one serves on. `reload_running`: one at a time.',
        response: replies(ReloadReply)
      }
    },
    async () => {
      const { previous, current, ms } = await reload()
      return { previous: modelReply(previous), model: modelReply(current), ms }
    }
  )
}
