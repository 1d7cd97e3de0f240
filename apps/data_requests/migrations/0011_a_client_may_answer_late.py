"""A client may answer late: the request went on, and what was left to the client is done then. An answer stands once it is given."""

import apps.data_requests.models.plans
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('data_requests', '0010_the_first_letters'),
    ]

    operations = [
        migrations.AddField(
            model_name='clientquestion',
            name='lapsed_at',
            field=models.DateTimeField(help_text='Its day passed without an answer; the request went on, and the messages stay with the client.', null=True),
        ),
        migrations.AlterField(
            model_name='clientquestion',
            name='reference',
            field=models.CharField(default=apps.data_requests.models.plans.question_reference, editable=False, max_length=20, unique=True),
        ),
        migrations.AddIndex(
            model_name='clientquestion',
            index=models.Index(condition=models.Q(('answered_at__isnull', True)), fields=['due_at', 'id'], name='client_question_open'),
        ),
    ]
